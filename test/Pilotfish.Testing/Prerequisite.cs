using Xunit;

namespace Pilotfish.Testing;

/// <summary>
/// What a test needs of the machine. A missing prerequisite skips the test on a developer's machine and fails it in CI,
/// where test.sh has promised to install it.
/// </summary>
public static class Prerequisite
{
    private static bool InCi => Environment.GetEnvironmentVariable("CI") == "true";

    /// <summary>Requires the root user, for namespaces and packet rules.</summary>
    public static void Root() => Require(Environment.UserName == "root", "This test needs root.");

    /// <summary>Requires each program on PATH.</summary>
    public static void Program(params string[] names)
    {
        foreach (string name in names)
        {
            Require(IsOnPath(name), $"This test needs the program '{name}'; ./test.sh installs it.");
        }
    }

    /// <summary>Requires <paramref name="present"/>; <paramref name="sentence"/> says what is missing.</summary>
    public static void Require(bool present, string sentence)
    {
        if (present)
        {
            return;
        }

        if (InCi)
        {
            Assert.Fail(sentence);
        }

        Assert.Skip(sentence);
    }

    private static bool IsOnPath(string name) =>
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':')
            .Concat(["/usr/sbin", "/sbin"])
            .Any(folder => File.Exists(Path.Combine(folder, name)));
}
