# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Types of configuration values, and the base class of its sections."""

from collections.abc import Mapping
from typing import Annotated, Any, TypeVar, get_args

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
)

from ppdeepfill.config.text import explain
from ppdeepfill.errors import ConfigError


def _whole_number_as_text(value: Any) -> Any:
    """Accept whole numbers as text, so that a folder can be called 2018 without quotes."""
    return str(value) if type(value) is int else value


def _pair(value: Any) -> Any:
    """n or [height, width] -> (height, width)."""
    pair = [value, value] if isinstance(value, int) else value
    if not isinstance(pair, list | tuple) or len(pair) != 2:
        raise ValueError("must be one number of pixels or [height, width]")
    if any(type(side) is not int or side < 1 for side in pair):
        raise ValueError("must be whole numbers of pixels, at least 1")
    return tuple(pair)


_Section = TypeVar("_Section", bound=BaseModel)

Text = Annotated[str, BeforeValidator(_whole_number_as_text), Field(min_length=1)]
Size = Annotated[tuple[int, int], BeforeValidator(_pair)]


class Section(BaseModel):
    """A frozen group of keys; unknown keys are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @classmethod
    def checked(
        cls: type[_Section], values: Mapping[str, Any], *, source: str, prefix: str = ""
    ) -> _Section:
        """Return the section with these values.

        Args:
            values: by key.
            source: where they come from, for error messages.
            prefix: dotted path of the section in the configuration, for error messages.

        Raises:
            ConfigError: names every invalid key and its allowed values.
        """
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            raise ConfigError(explain(error, cls, source=source, prefix=prefix)) from None

    @field_validator("*", mode="before")
    @classmethod
    def _refuse_true_as_number(cls, value: Any, info: ValidationInfo) -> Any:
        """Refuse booleans where a number is expected; pydantic would read `true` as 1."""
        annotation = cls.model_fields[str(info.field_name)].annotation
        accepted = {annotation, *get_args(annotation)}
        if isinstance(value, bool) and accepted & {int, float} and bool not in accepted:
            raise ValueError("must be a number")
        return value
