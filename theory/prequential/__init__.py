"""Prequential (online) code length: what a learner has saved, crossovers, linear learners under gradient flow."""

from theory.prequential.codelength import Crossover as Crossover
from theory.prequential.codelength import code_length as code_length
from theory.prequential.codelength import measured_crossover as measured_crossover
from theory.prequential.codelength import mixture_nats_saved as mixture_nats_saved
from theory.prequential.codelength import mixture_weights as mixture_weights
from theory.prequential.codelength import nats_saved as nats_saved
from theory.prequential.codelength import table_nats_saved as table_nats_saved
from theory.prequential.codelength import table_nats_saved_law as table_nats_saved_law
from theory.prequential.flows import flow as flow
from theory.prequential.flows import flow_crossover as flow_crossover
from theory.prequential.flows import separated_crossover as separated_crossover
