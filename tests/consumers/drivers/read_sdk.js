// Reads a table's stream with nothing but Amazon's SDK for JavaScript until the input ends:
// a shard is read when its parent has been read to its end.

const {
  DescribeStreamCommand,
  DynamoDBStreamsClient,
  GetRecordsCommand,
  GetShardIteratorCommand
} = require('@aws-sdk/client-dynamodb-streams');
const { unmarshall } = require('@aws-sdk/util-dynamodb');

const [endpoint, streamArn] = process.argv.slice(2);
const client = new DynamoDBStreamsClient({ endpoint });
const PAUSE_MS = 20;

let ended = false;
process.stdin.on('end', () => (ended = true)).resume();

async function shards() {
  const found = [];
  let ExclusiveStartShardId;
  do {
    // Pages of two shards, so that their paging is tried too.
    const { StreamDescription } = await client.send(
      new DescribeStreamCommand({ StreamArn: streamArn, Limit: 2, ExclusiveStartShardId })
    );
    found.push(...StreamDescription.Shards);
    ExclusiveStartShardId = StreamDescription.LastEvaluatedShardId;
  } while (ExclusiveStartShardId);
  return found;
}

/** The iterator behind a page of a shard's records, undefined at the shard's end. */
async function readPage(ShardIterator) {
  const { Records, NextShardIterator } = await client.send(new GetRecordsCommand({ ShardIterator }));
  for (const { eventName, dynamodb } of Records) {
    const { id, n } = unmarshall(dynamodb.NewImage || dynamodb.OldImage);
    console.log(JSON.stringify({ id, event: eventName, n }));
  }
  return NextShardIterator;
}

async function main() {
  const iterators = new Map(); // by shard; undefined where a shard has been read to its end
  while (!ended) {
    const known = await shards();
    const isThere = id => known.some(shard => shard.ShardId === id);
    const isDone = id => iterators.has(id) && iterators.get(id) === undefined;
    for (const { ShardId, ParentShardId } of known) {
      if (iterators.has(ShardId)) continue;
      if (ParentShardId && isThere(ParentShardId) && !isDone(ParentShardId)) continue;
      const { ShardIterator } = await client.send(
        new GetShardIteratorCommand({ StreamArn: streamArn, ShardId, ShardIteratorType: 'TRIM_HORIZON' })
      );
      iterators.set(ShardId, ShardIterator);
    }
    for (const [id, iterator] of iterators) {
      if (iterator !== undefined) iterators.set(id, await readPage(iterator));
    }
    await new Promise(resolve => setTimeout(resolve, PAUSE_MS));
  }
}

main().catch(error => {
  console.error(error);
  process.exitCode = 1;
});
