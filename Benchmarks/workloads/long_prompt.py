"""A document arrives while eight streams are being read."""
from harness import figures, text
from harness.load import chat
from harness.workload import Goal, Side, Workload, chain

ARRIVAL = 3.0


class LongPrompt(Workload):
    name = "long-prompt"
    title = "A prompt of about 2,870 tokens beside 8 streams"
    goals = [Goal("longest stall ms", "≤", 0.05), Goal("long TTFT ms", "≤", 1.15)]

    def sides(self):
        # llama-server divides its cells by its slots; 4,096 each hold the long prompt.
        return [Side("atelier", "atelier", 16, 65536), Side("peer", "peer", 16, 65536)]

    def chains(self, rng, name, model):
        streams = [
            chain(chat(f"stream.{number}", name, text.question(rng), max_tokens=400, logit_bias=model.no_end))
            for number in range(8)
        ]
        long = chat("long", name, text.paragraph(rng, 2630), max_tokens=16, logit_bias=model.no_end)
        return streams + [chain(long, start=ARRIVAL)]

    def figures(self, answers):
        [long] = [a for a in answers if a.id == "long"]
        streams = [a for a in answers if a.id != "long"]
        # A gap counts when the long prompt had arrived by its end.
        gaps = [later - earlier for a in streams for earlier, later in zip(a.tokens, a.tokens[1:]) if later > long.sent]
        return {
            "longest stall ms": max(gaps, default=float("nan")) * 1000,
            "inter-token p99 ms": figures.percentile(gaps, 0.99) * 1000,
            "long TTFT ms": long.first_token * 1000,
            "output tok/s": figures.throughput(answers),
            "prompt tokens": long.prompt_tokens,
        }
