# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""The kinds of value in a configuration, and the base of its sections."""

from typing import Annotated, Any, get_args

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
)


def _whole_number_as_text(value: Any) -> Any:
    """So that a folder may be called 2018 without quotes."""
    return str(value) if type(value) is int else value


def _pair(value: Any) -> Any:
    """n or [height, width] -> (height, width)."""
    pair = [value, value] if isinstance(value, int) else value
    if not isinstance(pair, list | tuple) or len(pair) != 2:
        raise ValueError("must be one number of pixels or [height, width]")
    if any(type(side) is not int or side < 1 for side in pair):
        raise ValueError("must be whole numbers of pixels, at least 1")
    return tuple(pair)


Text = Annotated[str, BeforeValidator(_whole_number_as_text), Field(min_length=1)]
Size = Annotated[tuple[int, int], BeforeValidator(_pair)]


class Section(BaseModel):
    """Frozen group of keys; a key it does not know is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @field_validator("*", mode="before")
    @classmethod
    def _true_is_no_number(cls, value: Any, info: ValidationInfo) -> Any:
        """Pydantic alone would read `true` as the number 1."""
        annotation = cls.model_fields[str(info.field_name)].annotation
        accepted = {annotation, *get_args(annotation)}
        if isinstance(value, bool) and accepted & {int, float} and bool not in accepted:
            raise ValueError("must be a number")
        return value
