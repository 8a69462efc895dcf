"""Training jobs on SageMaker: the code archive, starting a job, following its log."""
