"""What a signal carries about the task and about the surface form; queries, one by one and together."""

from theory.supervision.decomposition import Decomposition as Decomposition
from theory.supervision.decomposition import Diversity as Diversity
from theory.supervision.decomposition import Price as Price
from theory.supervision.decomposition import decompose as decompose
from theory.supervision.decomposition import diversity as diversity
from theory.supervision.decomposition import partition as partition
from theory.supervision.decomposition import price as price
from theory.supervision.queries import Choice as Choice
from theory.supervision.queries import ExpectedQueries as ExpectedQueries
from theory.supervision.queries import best_query as best_query
from theory.supervision.queries import joint_query_information as joint_query_information
from theory.supervision.queries import posterior as posterior
from theory.supervision.queries import queries_to_identify as queries_to_identify
from theory.supervision.queries import query_information as query_information
