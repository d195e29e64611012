// Reads a table's stream with dynamodb-stream: each line of input makes it poll once.

const { createInterface } = require('readline');
const { DynamoDBStreams } = require('@aws-sdk/client-dynamodb-streams');
const { unmarshall } = require('@aws-sdk/util-dynamodb');
const DynamoDBStream = require('dynamodb-stream');

const [endpoint, streamArn] = process.argv.slice(2);
const stream = new DynamoDBStream(new DynamoDBStreams({ endpoint }), streamArn, unmarshall);

const show = (event, item) => console.log(JSON.stringify({ id: item.id, event, n: item.n }));
stream.on('insert record', item => show('INSERT', item));
stream.on('modify record', item => show('MODIFY', item));
stream.on('remove record', item => show('REMOVE', item));

async function main() {
  for await (const word of createInterface({ input: process.stdin })) {
    await stream.fetchStreamState();
    console.log(word);
  }
}

main().catch(error => {
  console.error(error);
  process.exitCode = 1;
});
