"""How far attributions can be trusted: do they agree, are they faithful, need the model and find the truth?"""
