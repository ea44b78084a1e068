# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Everything that the page says, in English and in Chinese.

A page has one language from the beginning. The parts in `web/` get their words from here, too:
`$word` in a template, and a dict in scripts.
"""

from string import Template

from ppdeepfill.errors import DataError, UserError

LANGUAGES = {"en": "English", "zh": "中文"}  # by code; the first for browsers that want neither

PAGE = {
    "title": ("# Fill a hole in a photo", "# 修复照片"),
    "introduction": (
        "Open a photo or pick one of these, paint over what should disappear, and press **Fill**. "
        "Photos stay in memory and are never written to disk.",
        "打开一张照片，或选用下面的示例，涂掉不想要的东西，再点**修复**。照片只留在内存里，不会写入磁盘。",
    ),
    "fill": ("Fill", "修复"),
    "cancel": ("Cancel", "取消"),
    "method": ("Method", "方法"),
    "method_info": (
        "demo_small takes half the time; your own runs below ./output join the list.",
        "demo_small 只需一半的时间；./output 下自己训练的网络会自动列在这里。",
    ),
    "shipped": ("{name} (ships with this program)", "{name}（随程序附带）"),
    "no_network": ("{name} (no network)", "{name}（不用网络）"),
    "more": ("More", "更多"),
    "widen": ("Widen the painted hole by (pixels)", "把涂出的空洞向外扩大（像素）"),
    "blend": (
        "Match the colours around the hole (Poisson blending)",
        "使颜色与空洞周围一致（泊松融合）",
    ),
    "classes": ("Mark things by class", "按类别标出物体"),
    "mark": ("Mark", "标出"),
    "no_classes": (
        "To mark people, cars and other things with one click, start this page with a PaddleSeg "
        "model: `ppdeepfill app --seg_config FILE --seg_weights FILE`",
        "想一键标出人、车等物体，请用 PaddleSeg 模型启动本页："
        "`ppdeepfill app --seg_config FILE --seg_weights FILE`",
    ),
    "download": ("Download", "下载"),
    "as_png": ("As PNG", "存为 PNG"),
    "the_mask": ("The mask", "掩码"),
}
PAINTER = {
    "open": ("Open a photo", "打开照片"),
    "samples": ("Photos to try", "示例照片"),
    "stage": ("The photo: paint over what should disappear", "照片：涂掉不想要的东西"),
    "photo": ("the photo to fill", "要修复的照片"),
    "drop": ("Drop a photo here", "把照片拖到这里"),
    "tools": ("Tools", "工具"),
    "brush": ("Brush", "画笔"),
    "rectangle": ("Rectangle", "矩形"),
    "eraser": ("Eraser", "橡皮"),
    "size": ("Size", "大小"),
    "brush_size": ("Brush size", "画笔大小"),
    "undo": ("Undo", "撤销"),
    "redo": ("Redo", "重做"),
    "clear": ("Remove all paint", "全部清除"),
    "too_large": (
        "{name} is larger than {megabytes} MB; save it smaller",
        "{name} 超过 {megabytes} MB，请先压缩",
    ),
    "unreadable": ("{name} cannot be read", "无法读取 {name}"),
}
VIEWER = {
    "compare": ("Before / after", "修复前后"),
    "coarse": ("Coarse stage", "粗修复阶段"),
    "borrowed": ("Borrowed from", "借自何处"),
    "filled_photo": ("the filled photo", "修复后的照片"),
    "photo_before": ("the photo before", "修复前的照片"),
    "divider": ("Before or after", "修复前或修复后"),
    "has_none": ("this method has none", "此方法没有"),
    "none_caption": ("The result will appear here.", "结果会显示在这里。"),
    "compare_caption": (
        "Drag across the picture: before on the left, after on the right.",
        "在图上左右拖动：左边是修复前，右边是修复后。",
    ),
    "coarse_caption": (
        "What the first stage of the network makes of the hole; the second refines it.",
        "网络第一阶段补出的空洞，第二阶段在此基础上细化。",
    ),
    "borrowed_caption": (
        "Equal colours: a place in the hole, and where the attention took it from. Touch a place "
        "in the hole to see its source.",
        "颜色相同，表示空洞中的位置和注意力为它选取的来源。点按空洞中的位置，可看到它的来源。",
    ),
    "source": (
        "({x}, {y}) was taken from around ({from_x}, {from_y}).",
        "({x}, {y}) 取自 ({from_x}, {from_y}) 附近。",
    ),
}
MESSAGES = {
    "opened": ("{name}, {width} x {height} pixels.", "{name}，{width} x {height} 像素。"),
    "opened_with_notes": (
        "{name}, {width} x {height} pixels: {notes}.",
        "{name}，{width} x {height} 像素：{notes}。",
    ),
    "what_next": (
        "Paint over what should disappear, then press Fill.",
        "涂掉不想要的东西，再点“修复”。",
    ),
    "filling": ("Filling", "正在修复"),
    "filling_part": (
        "Filling, part {part} of {parts}",
        "正在修复，第 {part} 部分，共 {parts} 部分",
    ),
    "parts": ("parts", "部分"),
    "filled": (
        "Filled in {seconds:.1f} s. Paint more, or download the result.",
        "修复完成，用时 {seconds:.1f} 秒。可以继续涂，也可以下载结果。",
    ),
    "marking": ("Looking for {classes}", "正在寻找：{classes}"),
    "marked": (
        "Marked: {classes}. Paint more or erase some of it, then press Fill.",
        "已标出：{classes}。可以继续涂或擦掉一些，再点“修复”。",
    ),
    "saved": ("Saved as {name}.", "已保存为 {name}。"),
    "saved_with_notes": ("Saved as {name}; {notes}.", "已保存为 {name}；{notes}。"),
    "cancelled": ("Cancelled. The paint is still there.", "已取消，涂过的部分还在。"),
    "nothing_to_cancel": ("There is nothing to cancel.", "现在没有可取消的操作。"),
}
REFUSALS = {
    "not_arrived": ("the photo did not arrive; open it again", "没有收到照片，请重新打开"),
    "not_complete": (
        "{name} did not arrive completely; open it again",
        "{name} 没有完整送达，请重新打开",
    ),
    "paint_not_complete": (
        "the paint did not arrive completely; paint it again",
        "涂出的掩码没有完整送达，请重新涂",
    ),
    "no_sample": ("there is no sample {number}", "没有编号为 {number} 的示例"),
    "too_large": PAINTER["too_large"],
    "gone": ("this photo is no longer here; open it again", "这张照片已不在内存中，请重新打开"),
    "nothing_painted": (
        "nothing is painted yet: paint over what should go, then press Fill",
        "还没有涂：请先涂掉不想要的东西，再点“修复”",
    ),
    "all_painted": (
        "the paint covers the whole photo: leave some of it to fill the hole from",
        "整张照片都涂满了：请留下一部分，空洞要用它来填补",
    ),
    "other_size": (
        "the mask is {mask[1]} x {mask[0]} pixels, the photo {photo[1]} x {photo[0]}; paint it "
        "again",
        "掩码是 {mask[1]} x {mask[0]} 像素，照片是 {photo[1]} x {photo[0]} 像素，请重新涂",
    ),
    "no_result": (
        "there is no result yet: paint over what should disappear, then press Fill",
        "还没有结果：请先涂掉不想要的东西，再点“修复”",
    ),
    "no_method": (
        "the method {name!r} no longer exists; reload the page",
        "方法 {name!r} 已不存在，请刷新页面",
    ),
    "no_class_chosen": ("choose what to mark first", "请先选择要标出的类别"),
    "no_such_class": ("there is no such class; reload the page", "没有这个类别，请刷新页面"),
    "other": ("{reason}", "出错了：{reason}"),
    "unexpected": (
        "something went wrong; see the log of the program",
        "程序出错了，详情见程序的日志",
    ),
}


class Refusal(DataError):
    """The page cannot do what a visitor asks, said in the language of the page.

    Args:
        why: a key of REFUSALS.
        values: what the sentence mentions.
    """

    def __init__(self, why: str, **values: object):
        super().__init__(REFUSALS[why][0].format(**values))
        self.why, self.values = why, values


class Words:
    """The words of the page in one language.

    Args:
        language: one of LANGUAGES.
    """

    def __init__(self, language: str):
        self.language = language
        self._column = list(LANGUAGES).index(language)

    def __call__(self, phrase: tuple[str, str], **values: object) -> str:
        """A phrase, such as `MESSAGES["saved"]`, with its values filled in."""
        return phrase[self._column].format(**values)

    def of(self, phrases: dict[str, tuple[str, str]]) -> dict[str, str]:
        """The phrases of a part of the page, with placeholders still in them."""
        return {key: phrase[self._column] for key, phrase in phrases.items()}

    def why(self, error: UserError) -> str:
        """The message of an error; only the page's own are translated."""
        if isinstance(error, Refusal):
            return self(REFUSALS[error.why], **error.values)
        return self(REFUSALS["other"], reason=error)

    def template(self, text: str, phrases: dict[str, tuple[str, str]]) -> str:
        """A template of `web/`, with each `$word` replaced by its phrase."""
        return Template(text).substitute(self.of(phrases))


def preferred(accepted: str) -> str:
    """The language for a browser.

    Args:
        accepted: its header Accept-Language, such as "zh-CN,zh;q=0.9,en;q=0.8".
    """
    wanted = []
    for entry in accepted.split(","):
        tag, _, quality = entry.partition(";q=")
        code = tag.strip().split("-")[0].lower()
        if code in LANGUAGES:
            wanted.append((_number(quality), code))
    return max(wanted, key=lambda one: one[0], default=(1.0, next(iter(LANGUAGES))))[1]


def _number(quality: str) -> float:
    try:
        return float(quality) if quality else 1.0
    except ValueError:
        return 0.0
