"""The shape of AWS's example of a partial batch response: it stops at the first that fails."""

seen = []
broken = {"bad"}


def handler(event, context):
    current_sequence_number = ""
    for record in event["Records"]:
        try:
            current_sequence_number = record["dynamodb"]["SequenceNumber"]
            process(record)
        except Exception:
            return {"batchItemFailures": [{"itemIdentifier": current_sequence_number}]}
    return {"batchItemFailures": []}


def process(record):
    name = record["dynamodb"]["NewImage"]["pk"]["S"]
    seen.append(name)
    if name in broken:
        raise ValueError("no")
