REMOVE @{stage}/{folder}/
