// Reads a table's stream as `serverless offline` does: with the part of the plugin
// serverless-offline-dynamodb-streams that reads, and a function in the place of a handler.
// Ends when the plugin has nothing left to read.

const DynamodbStreams = require('serverless-offline-dynamodb-streams/src/dynamodb-streams');
const { unmarshall } = require('@aws-sdk/util-dynamodb');

const [endpoint, table] = process.argv.slice(2);

class Handler {
  setEvent(event) {
    this.records = event.Records;
  }

  async runHandler() {
    for (const { eventName, dynamodb } of this.records) {
      const { id, n } = unmarshall(dynamodb.NewImage || dynamodb.OldImage);
      console.log(JSON.stringify({ id, event: eventName, n }));
    }
  }
}

const log = { warning: console.error, notice() {}, debug() {}, error: console.error };
const streams = new DynamodbStreams(
  { get: () => new Handler() },
  { endpoint, region: process.env.AWS_REGION, accountId: '000000000000' },
  log
);

async function main() {
  const event = { tableName: table, startingPosition: 'TRIM_HORIZON', readInterval: 50 };
  await streams.create([{ functionKey: 'handler', dynamodbStreams: event }]);
  streams.start();
  console.log('reading');
}

main().catch(error => {
  console.error(error);
  process.exitCode = 1;
});
