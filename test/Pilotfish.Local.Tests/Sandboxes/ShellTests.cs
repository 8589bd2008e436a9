using CsCheck;
using Pilotfish.Local.Sandboxes;
using System.Diagnostics;

namespace Pilotfish.Local.Tests.Sandboxes;

public sealed class ShellTests
{
    [Fact]
    public void Quote_AnyText_IsOneWordForTheShell() =>
        Gen.String[Gen.Char[(char)1, (char)0x7e], 0, 40].Sample(
            text =>
            {
                using Process shell = Process.Start(
                    new ProcessStartInfo("/bin/sh", ["-c", $"printf %s {Shell.Quote(text)}"]) { RedirectStandardOutput = true })!;
                Assert.Equal(text, shell.StandardOutput.ReadToEnd());
                shell.WaitForExit();
            },
            iter: 60);

    [Fact]
    public void Quote_ZeroByte_IsRefused() => Assert.Throws<LocalException>(() => Shell.Quote("a\0b"));

    [Theory]
    [InlineData("/var/run/secrets", "/run/secrets")]
    [InlineData("/etc/./hosts", "/etc/hosts")]
    [InlineData("/nowhere/../etc", "/etc")]
    public void Resolve_PathsOfAnyMachine_LeadToThePlaceItself(string path, string place) =>
        Assert.Equal(place, RootPaths.Resolve(path));
}
