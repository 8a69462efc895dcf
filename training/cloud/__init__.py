"""Training jobs on SageMaker: the code archive, the order, and following the job."""
