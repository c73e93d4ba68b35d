"""Serves the smallest real chat model over OpenAI's API on loopback, until it is ended.

Usage: small_model.py GGUF PORT. Needs the package xllamacpp; prints the address once it answers.
"""

import sys
import time

import xllamacpp


def main():
    model, port = sys.argv[1:]
    parameters = xllamacpp.CommonParams()
    parameters.model.path = model
    parameters.hostnames = ["127.0.0.1"]
    parameters.port = int(port)
    parameters.n_ctx = 4096
    parameters.n_parallel = 1
    parameters.cpuparams.n_threads = 1
    parameters.cpuparams_batch.n_threads = 1
    server = xllamacpp.Server(parameters)
    print(server.listening_address, flush=True)
    while True:
        time.sleep(60)


main()
