//! Holdfast on AWS Lambda.
