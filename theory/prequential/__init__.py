"""Prequential (online) code length: what a learner has saved, crossovers, linear learners under gradient flow."""

from theory.prequential.codelength import Crossing as Crossing
from theory.prequential.codelength import code_length as code_length
from theory.prequential.codelength import crossing as crossing
from theory.prequential.codelength import efficiency as efficiency
from theory.prequential.codelength import mixture_saving as mixture_saving
from theory.prequential.codelength import mixture_weights as mixture_weights
from theory.prequential.codelength import saving as saving
from theory.prequential.codelength import table_saving as table_saving
from theory.prequential.codelength import table_saving_law as table_saving_law
from theory.prequential.flows import flow as flow
from theory.prequential.flows import flow_loss as flow_loss
from theory.prequential.flows import flow_saving as flow_saving
from theory.prequential.flows import separated_turn as separated_turn
from theory.prequential.flows import turn as turn
