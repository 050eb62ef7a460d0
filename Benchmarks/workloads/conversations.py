"""Twelve conversations of five turns, four at a time; every turn resends the history with the real answers in it."""
from harness import figures, text
from harness.load import chat
from harness.workload import Goal, Workload, chain

TURNS = 5


class Conversations(Workload):
    name = "conversations"
    title = "12 conversations of 5 turns, 4 at a time"
    concurrency = 4
    goals = [Goal("later TTFT p50 ms", "≤", 0.6), Goal("span ms", "≤", 0.95)]

    def chains(self, rng, name, model):
        made = []
        for number in range(12):
            messages, turns = [], []
            for turn in range(TURNS):
                messages.append({"role": "user", "content": text.paragraph(rng, 410)})
                turns.append(chat(f"{number}.{turn}", name, messages, max_tokens=64, logit_bias=model.no_end))
                messages.append({"role": "assistant", "content": f"@@ANSWER:{turn}@@"})
            made.append(chain(*turns))
        return made

    def figures(self, answers):
        later = [a.first_token for a in answers if not a.id.endswith(".0")]
        return figures.streaming(answers) | {
            "later TTFT p50 ms": figures.percentile(later, 0.5) * 1000, "span ms": figures.span(answers) * 1000,
            "cached share": figures.cached_share(answers)}
