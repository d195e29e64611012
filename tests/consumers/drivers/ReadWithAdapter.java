/** A worker of the Kinesis Client Library that reads a table's stream through Amazon's adapter. */

import com.amazonaws.services.dynamodbv2.streamsadapter.AmazonDynamoDBStreamsAdapterClient;
import com.amazonaws.services.dynamodbv2.streamsadapter.StreamsSchedulerFactory;
import com.amazonaws.services.dynamodbv2.streamsadapter.model.DynamoDBStreamsProcessRecordsInput;
import com.amazonaws.services.dynamodbv2.streamsadapter.polling.DynamoDBStreamsPollingConfig;
import com.amazonaws.services.dynamodbv2.streamsadapter.processor.DynamoDBStreamsShardRecordProcessor;
import java.net.URI;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.cloudwatch.CloudWatchAsyncClient;
import software.amazon.awssdk.services.dynamodb.DynamoDbAsyncClient;
import software.amazon.awssdk.services.dynamodb.model.AttributeValue;
import software.amazon.awssdk.services.dynamodb.model.Record;
import software.amazon.awssdk.services.dynamodb.streams.DynamoDbStreamsClient;
import software.amazon.kinesis.common.ConfigsBuilder;
import software.amazon.kinesis.common.InitialPositionInStream;
import software.amazon.kinesis.common.InitialPositionInStreamExtended;
import software.amazon.kinesis.coordinator.Scheduler;
import software.amazon.kinesis.lifecycle.events.InitializationInput;
import software.amazon.kinesis.lifecycle.events.LeaseLostInput;
import software.amazon.kinesis.lifecycle.events.ShardEndedInput;
import software.amazon.kinesis.lifecycle.events.ShutdownRequestedInput;
import software.amazon.kinesis.metrics.NullMetricsFactory;
import software.amazon.kinesis.processor.RecordProcessorCheckpointer;
import software.amazon.kinesis.retrieval.RetrievalConfig;

public class ReadWithAdapter {

    public static void main(String[] arguments) throws Exception {
        URI endpoint = URI.create(arguments[0]);
        String streamArn = arguments[1];
        Region region = Region.of(System.getenv("AWS_REGION"));
        AmazonDynamoDBStreamsAdapterClient adapter =
                new AmazonDynamoDBStreamsAdapterClient(
                        DynamoDbStreamsClient.builder().endpointOverride(endpoint).region(region).build(),
                        region);
        ConfigsBuilder configs =
                new ConfigsBuilder(
                        StreamsSchedulerFactory.createSingleStreamTracker(
                                streamArn,
                                InitialPositionInStreamExtended.newInitialPosition(
                                        InitialPositionInStream.TRIM_HORIZON)),
                        "order-reader",
                        adapter,
                        DynamoDbAsyncClient.builder().endpointOverride(endpoint).region(region).build(),
                        CloudWatchAsyncClient.builder().endpointOverride(endpoint).region(region).build(),
                        arguments[2],
                        Printer::new);
        RetrievalConfig retrieval = configs.retrievalConfig();
        DynamoDBStreamsPollingConfig polling = new DynamoDBStreamsPollingConfig(streamArn, adapter);
        polling.idleTimeBetweenReadsInMillis(200);
        retrieval.retrievalSpecificConfig(polling);
        Scheduler scheduler =
                StreamsSchedulerFactory.createScheduler(
                        configs.checkpointConfig(),
                        configs.coordinatorConfig()
                                .parentShardPollIntervalMillis(200)
                                .shardConsumerDispatchPollIntervalMillis(100),
                        configs.leaseManagementConfig().failoverTimeMillis(2000).shardSyncIntervalMillis(100),
                        configs.lifecycleConfig(),
                        configs.metricsConfig().metricsFactory(new NullMetricsFactory()),
                        configs.processorConfig(),
                        retrieval,
                        adapter);
        Thread running = new Thread(scheduler, "scheduler");
        running.setDaemon(true);
        running.start();
        while (System.in.read() != -1) {
            // Its input tells nothing but when to end.
        }
        scheduler.startGracefulShutdown().get(60, TimeUnit.SECONDS);
        System.exit(0);
    }

    /** Prints each change and keeps its place after each batch. */
    private static class Printer implements DynamoDBStreamsShardRecordProcessor {

        @Override
        public void initialize(InitializationInput input) {
            say("reading " + input.shardId());
        }

        @Override
        public void processRecords(DynamoDBStreamsProcessRecordsInput input) {
            input.records().forEach(record -> print(record.getRecord()));
            keepPlace(input.checkpointer());
        }

        @Override
        public void leaseLost(LeaseLostInput input) {
            say("lost");
        }

        @Override
        public void shardEnded(ShardEndedInput input) {
            keepPlace(input.checkpointer());
        }

        @Override
        public void shutdownRequested(ShutdownRequestedInput input) {
            keepPlace(input.checkpointer());
        }

        private static void keepPlace(RecordProcessorCheckpointer checkpointer) {
            try {
                checkpointer.checkpoint();
            } catch (Exception error) {
                throw new IllegalStateException(error);
            }
        }

        private static void print(Record record) {
            Map<String, AttributeValue> image =
                    record.dynamodb().hasNewImage() ? record.dynamodb().newImage() : record.dynamodb().oldImage();
            say(String.format(
                    "{\"id\": \"%s\", \"event\": \"%s\", \"n\": %s}",
                    record.dynamodb().keys().get("id").s(), record.eventNameAsString(), image.get("n").n()));
        }

        private static synchronized void say(String line) {
            System.out.println(line);
            System.out.flush();
        }
    }
}
