"""The distribution `lengthwise`: the three packages pipeline, trainer and schemas, and the shipped dataset specs.

It serves two readers: pip (`pip install -e .`), and Apache Beam, whose `--setup_file ./setup.py` carries the
packages to the workers of a cluster. The ranges below say what the code is written for; constraints.txt pins the one
set that the tests run on.
"""

from pathlib import Path

from setuptools import find_packages, setup

README = Path(__file__).resolve().parent / "README.md"

setup(
    name="lengthwise",
    version="0.1.0",
    description="Variable-length data into length-bucketed TFRecords, and masked Keras 3 models trained on them.",
    long_description=README.read_text(encoding="utf-8") if README.exists() else "",
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    license_files=["LICENSE"],
    packages=find_packages(include=["pipeline", "pipeline.*", "trainer", "trainer.*", "schemas", "schemas.*"]),
    package_data={"schemas": ["*.yaml", "*.json"]},
    zip_safe=False,
    python_requires=">=3.11",
    install_requires=[
        # tf.Transform 1.21 and tfx-bsl 1.21 are built against exactly this TensorFlow.
        "tensorflow>=2.21,<2.22",
        "tensorflow-transform>=1.21,<1.22",
        "tfx-bsl>=1.21,<1.22",
        "keras>=3.12,<4",
        "apache-beam[gcp]>=2.77,<3",
        "pyarrow>=18,<26",
        "numpy>=2.0,<3",
        "pydantic>=2.7,<3",
        "PyYAML>=6.0,<7",
        "rich>=13.7,<16",
    ],
    extras_require={
        "jax": ["jax>=0.5,<1"],
        "test": [
            "pytest>=8.3,<10",
            "pytest-timeout>=2.3,<3",
            "hypothesis>=6.100,<7",
            "ruff>=0.9,<1",
            "mypy>=1.14,<3",
        ],
    },
    classifiers=[
        "Operating System :: POSIX :: Linux",
        "Programming Language :: Python :: 3.11",
        "Topic :: Scientific/Engineering :: Artificial Intelligence",
    ],
)
