using System.Text.RegularExpressions;
using Pilotfish.Capture.Processes;

namespace Pilotfish.Capture.Iptables;

/// <summary>
/// Chooses between the legacy and the nf_tables flavour: legacy where it already holds rules (two flavours side by
/// side would both translate), else nf_tables, else whatever `iptables` is. A scratch rule proves that it works.
/// </summary>
internal sealed partial class IptablesDetector(ICommandRunner runner, TextWriter log)
{
    // A protocol number no packet carries: the rule is removed at once and cannot match meanwhile.
    private static readonly string[] s_scratchRule = ["-p", "255", "-j", "RETURN"];

    public IptablesBinary Detect(bool ipv6, string forcedFlavour)
    {
        string plain = ipv6 ? "ip6tables" : "iptables";
        if (forcedFlavour.Length > 0)
        {
            return Probe($"{plain}-{forcedFlavour}", onlyWithRules: false, out string? why)
                ?? throw Unusable($"{plain}-{forcedFlavour}", why);
        }

        if (Probe(plain + "-legacy", onlyWithRules: true, out string? _) is { } legacy)
        {
            return legacy;
        }

        return Probe(plain + "-nft", onlyWithRules: false, out string? nftWhy)
            ?? Probe(plain, onlyWithRules: false, out string? plainWhy)
            ?? throw Unusable(plain, nftWhy is null || plainWhy is null ? plainWhy : $"{plainWhy} ({plain}-nft: {nftWhy})");
    }

    private IptablesBinary? Probe(string name, bool onlyWithRules, out string? why)
    {
        CommandResult version = runner.Run(name + "-save", ["--version"]);
        if (version.IsMissing)
        {
            why = "no such program";
            return null;
        }

        CommandResult saved = runner.Run(name + "-save", []);
        if (saved.ExitCode != 0)
        {
            why = saved.ErrorText;
            return null;
        }

        if (onlyWithRules && !SavedState.Parse(saved.Output).HasRules)
        {
            why = "it holds no rules";
            return null;
        }

        var binary = new IptablesBinary(name, ParseVersion(version.Output), version.Output.Contains("nf_tables", StringComparison.Ordinal));
        CommandResult added = Scratch(binary, "-A");
        if (added.ExitCode != 0 || added.Error.Contains("does not exist", StringComparison.Ordinal))
        {
            why = added.ErrorText;
            return null;
        }

        CommandResult removed = Scratch(binary, "-D");
        if (removed.ExitCode != 0)
        {
            log.WriteLine($"warning: {name} could not remove its test rule (nat INPUT, protocol 255): {removed.ErrorText}");
        }

        why = null;
        return binary;
    }

    private CommandResult Scratch(IptablesBinary binary, string operation)
    {
        List<string> args = ["-t", "nat", operation, "INPUT", .. s_scratchRule];
        if (binary.NeedsLock)
        {
            args.Add(IptablesTool.LockWait);
        }

        return runner.Run(binary.Name, args);
    }

    private static Version ParseVersion(string output)
    {
        Match match = VersionPattern().Match(output);

        // Very old ones do not know --version; they neither lock nor wait.
        return match.Success && Version.TryParse(match.Groups[1].Value, out Version? version) ? version : new Version(0, 0);
    }

    private static CaptureException Unusable(string name, string? why) => IptablesFaults.Unusable(name, why ?? "unknown");

    [GeneratedRegex(@"v([0-9]+(\.[0-9]+){1,3})")]
    private static partial Regex VersionPattern();
}
