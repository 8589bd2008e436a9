using Pilotfish.Runtime.Diagnostics;
using Xunit;

namespace Pilotfish.Runtime.Tests.Diagnostics;

public sealed class ProcessMemoryTests
{
    private static string[] Mapping(string head, string anonymous) =>
        [head, "Size:                 64 kB", "Rss:                  64 kB", $"Anonymous:     {anonymous} kB", "VmFlags: rd mr mw me sd"];

    [Fact]
    public void CleanFileRanges_CodeOfAFile_IsGivenBack() =>
        Assert.Equal(
            [((nuint)0x1000, (nuint)0x10000)],
            ProcessMemory.CleanFileRanges(Mapping("1000-11000 r-xp 00000000 fe:01 12   /usr/bin/pilot-agent", "0")));

    [Theory]
    [InlineData("relocated constants", "1000-11000 r--p 00000000 fe:01 12   /usr/bin/pilot-agent", "4")]
    [InlineData("data", "1000-11000 rw-p 00000000 fe:01 12   /usr/bin/pilot-agent", "0")]
    [InlineData("a shared mapping", "1000-11000 r--s 00000000 fe:01 12   /tmp/shared", "0")]
    [InlineData("memory without a file", "1000-11000 r-xp 00000000 00:00 0 ", "0")]
    [InlineData("the kernel's page", "1000-11000 r-xp 00000000 00:00 0   [vdso]", "0")]
    public void CleanFileRanges_WhatCannotBeReadAgain_IsLeftAlone(string what, string head, string anonymous)
    {
        Assert.NotEmpty(what);
        Assert.Empty(ProcessMemory.CleanFileRanges(Mapping(head, anonymous)));
    }

    [Fact]
    public void GiveBack_ALivingProcess_GoesOnWithItsData()
    {
        byte[] kept = [1, 2, 3];
        ProcessMemory.GiveBack();
        Assert.Equal([1, 2, 3], kept);
    }
}
