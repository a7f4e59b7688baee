"""What Syncline remembers: links, shadows, the inbox, open intents, the journal and what is parked."""

from syncline.store.errors import StoreError as StoreError
from syncline.store.errors import StoreLocked as StoreLocked
from syncline.store.errors import StoreLost as StoreLost
from syncline.store.memory import Action as Action
from syncline.store.memory import Added as Added
from syncline.store.memory import Arrival as Arrival
from syncline.store.memory import Cause as Cause
from syncline.store.memory import Counts as Counts
from syncline.store.memory import Delay as Delay
from syncline.store.memory import Delayed as Delayed
from syncline.store.memory import Entry as Entry
from syncline.store.memory import Found as Found
from syncline.store.memory import Hold as Hold
from syncline.store.memory import Intent as Intent
from syncline.store.memory import Memory as Memory
from syncline.store.memory import Overdue as Overdue
from syncline.store.memory import Pair as Pair
from syncline.store.memory import Parked as Parked
from syncline.store.memory import Role as Role
from syncline.store.memory import Session as Session
from syncline.store.memory import Sought as Sought
from syncline.store.memory import Standing as Standing
from syncline.store.memory import User as User
from syncline.store.memory import Wish as Wish
from syncline.store.store import Store as Store
