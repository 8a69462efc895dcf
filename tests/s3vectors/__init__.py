"""moto's S3 Vectors with the operations and rules that it lacks, in moto's layout, so that it can be offered upstream.

Added operations: QueryVectors, UpdateMetadataConfiguration, UpdateIndexMode and PutVectorBucketDefaultIndexMode.
Completed operations: CreateIndex (metadata configuration, index mode, conflicts, the ARN of the answer), GetIndex,
ListIndexes and ListVectorBuckets (pages, prefix), PutVectors (limits, values, rates), GetVectors, DeleteVectors and
ListVectors (pages, segments). Every request is checked with botocore's model of the service.

What Amazon does not document is a choice of this backend, and code under test must not depend on it: the size of a
page (`page_sizes`), the order of ties (by a hash of the key), the analyser of texts (lower-case words), the constant
of the fusion (60), and that `$ne` and `$nin` pass a vector without the key.
"""
