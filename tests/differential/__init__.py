"""pelton beside Amazon's DynamoDB Local 1.25.1: the same requests, the same answers and records."""
