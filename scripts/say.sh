#!/usr/bin/env bash
printf 'atelier: %s\n' "$*" >&2
