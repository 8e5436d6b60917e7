#!/usr/bin/python3
"""Turns a text file into a C array: embed.py FILE NAME > FILE.c"""
import sys

data = open(sys.argv[1], "rb").read()
name = sys.argv[2]
print('#include "directory/slapd_schema.h"\n')
print(f"const char {name}[] = {{")
for i in range(0, len(data), 16):
    print("    " + ", ".join(f"0x{b:02x}" for b in data[i : i + 16]) + ",")
print("    0x00};")
print(f"const size_t {name}_len = sizeof {name} - 1;")
