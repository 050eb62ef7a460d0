"""One long system prompt, new in every round, under twenty questions, eight at once."""
from harness import figures, text
from harness.load import chat
from harness.workload import Goal, Workload, chain


class SharedPrefix(Workload):
    name = "shared-prefix"
    title = "A prefix of about 1,420 tokens shared by 8 requests at once"
    concurrency = 8
    goals = [Goal("span ms", "≤", 0.15), Goal("TTFT p95 ms", "≤", 0.05)]

    def chains(self, rng, name, model):
        prefix = text.paragraph(rng, 1300)
        return [
            chain(chat(str(number), name, [{"role": "system", "content": prefix}, {"role": "user", "content": text.sentence(rng, 8)}],
                       max_tokens=32, logit_bias=model.no_end))
            for number in range(20)
        ]

    def figures(self, answers):
        return figures.streaming(answers) | {
            "span ms": figures.span(answers) * 1000, "cached share": figures.cached_share(answers),
            "prompt tokens": figures.percentile([a.prompt_tokens for a in answers], 0.5)}
