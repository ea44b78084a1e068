// Copyright (c) 2026 ppdeepfill contributors.
// SPDX-License-Identifier: Apache-2.0
//
// Saves a file that the page hands over in props.value: {name, type, content}, in base64.

watch("value", async () => {
  const file = props.value;
  if (!file) return;
  const bytes = Uint8Array.from(atob(file.content), (character) => character.charCodeAt(0));
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([bytes], { type: file.type }));
  link.download = file.name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
  props.value = null;
});
