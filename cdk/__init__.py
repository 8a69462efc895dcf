"""The AWS stack. Imports neither `lambda_app` nor `training`."""
