// Starts a group, answers for its two entities, and prints the group's outcome.
//
//	BROKERS=localhost:9092 TOPIC=eventbus-collector TTL=10 go run . [GROUP]
package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"log"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

type event map[string]any

func main() {
	log.SetFlags(0)
	group := "trip-" + rand.Text()
	if len(os.Args) > 1 {
		group = os.Args[1]
	}
	topic := environment("TOPIC", "eventbus-collector")
	ttl, err := strconv.Atoi(environment("TTL", "10"))
	if err != nil {
		log.Fatal(err)
	}
	client, err := newClient(environment("BROKERS", "localhost:9092"), topic)
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()

	outcome, err := run(client, topic, group, ttl)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(outcome)
}

func run(client *kgo.Client, topic, group string, ttl int) (string, error) {
	ctx := context.Background()
	// Before anything is sent, so that no outcome is missed.
	if err := readFromTheEnd(ctx, client, topic); err != nil {
		return "", err
	}
	err := send(ctx, client, group, []event{
		{"type": "EventGroupCollectorCreate", "id": group, "expected": []string{"flight", "hotel"},
			"ttl": ttl, "payload": event{"customer": "Ada"}},
		{"type": "EventGroupCollectorEntityDone", "id": "flight", "group": group,
			"result": event{"seat": "12A"}},
		{"type": "EventGroupCollectorEntityDone", "id": "hotel", "group": group,
			"result": event{"room": 401}},
	})
	if err != nil {
		return "", err
	}
	return outcomeOf(ctx, client, group, time.Duration(ttl+5)*time.Second)
}

// Keys go to the partition where the collector looks first, and retries double nothing: both are
// this client's defaults. Its default isolation level, read uncommitted, shows outcomes that were
// taken back.
func newClient(brokers, topic string) (*kgo.Client, error) {
	return kgo.NewClient(
		kgo.SeedBrokers(strings.Split(brokers, ",")...),
		kgo.DefaultProduceTopic(topic),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()),
	)
}

// All of a group's events have its id as their key. Returns when the broker has them.
func send(ctx context.Context, client *kgo.Client, group string, events []event) error {
	var records []*kgo.Record
	for _, one := range events {
		value, err := json.Marshal(one)
		if err != nil {
			return err
		}
		records = append(records, &kgo.Record{Key: []byte(group), Value: value})
	}
	return client.ProduceSync(ctx, records...).FirstErr()
}

// Reads all partitions, from where they end now. It joins no group and commits nothing.
func readFromTheEnd(ctx context.Context, client *kgo.Client, topic string) error {
	ends, err := kadm.NewClient(client).ListEndOffsets(ctx, topic)
	if err != nil {
		return err
	}
	if err := ends.Error(); err != nil {
		return err
	}
	client.AddConsumePartitions(ends.KOffsets())
	return nil
}

func outcomeOf(ctx context.Context, client *kgo.Client, group string, patience time.Duration) (
	string, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		fetches := client.PollFetches(ctx)
		if ctx.Err() != nil {
			return "", fmt.Errorf("no outcome of %s in %v", group, patience)
		}
		if err := fetches.Err(); err != nil {
			return "", err
		}
		for _, record := range fetches.Records() {
			if string(record.Key) == group && isOutcome(record.Value) {
				return string(record.Value), nil
			}
		}
	}
}

func isOutcome(value []byte) bool {
	var event struct{ Type string }
	if json.Unmarshal(value, &event) != nil {
		return false
	}
	return event.Type == "EventGroupCollectorSuccess" || event.Type == "EventGroupCollectorFailure"
}

func environment(name, otherwise string) string {
	if value := os.Getenv(name); value != "" {
		return value
	}
	return otherwise
}
