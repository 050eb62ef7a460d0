"""Every workload, in the order in which `make bench` runs them."""
from .chat import Chat, GemmaChat, SharedSlots
from .conversations import Conversations
from .embeddings import Embeddings
from .foreign import ForeignLoad
from .long_prompt import LongPrompt
from .one_token import OneToken
from .required_tools import RequiredTools
from .shared_prefix import SharedPrefix
from .strict_json import StrictJSON

ALL = [
    Chat(1), Chat(8), Chat(16), SharedSlots(), SharedPrefix(), LongPrompt(), Conversations(), StrictJSON(1), StrictJSON(8),
    StrictJSON(1, "gemma"), GemmaChat(), ForeignLoad(1), ForeignLoad(4), RequiredTools(), OneToken(1), OneToken(8), Embeddings(),
]
