using System.Text.RegularExpressions;
using Pilotfish.Capture.Iptables;
using Pilotfish.Capture.Processes;
using Pilotfish.Capture.Rules;

namespace Pilotfish.Capture.Nftables;

/// <summary>Hands scripts to `nft`; the kernel takes each whole or not at all.</summary>
internal sealed partial class NftablesApplier(ICommandRunner runner, TextWriter log)
{
    private const string Program = "nft";

    /// <summary>Older ones cannot delete and add a table in one transaction.</summary>
    private static readonly Version s_oldest = new(1, 0, 1);

    public void Apply(RulePlan plan)
    {
        DemandVersion();
        Run(NftablesScript.Apply(plan));
    }

    public void LogFinalState() =>
        log.WriteLine($"info: rules now:\n{runner.Run(Program, ["list", "ruleset"]).Output.TrimEnd()}");

    public void CleanUp()
    {
        DemandVersion();
        Run(NftablesScript.Remove());
    }

    private void Run(string script)
    {
        CommandResult result = runner.Run(Program, ["-f", "-"], script);
        if (result.ExitCode != 0)
        {
            throw IptablesFaults.Failed(Program + " -f -", result.ErrorText);
        }
    }

    private void DemandVersion()
    {
        CommandResult shown = runner.Run(Program, ["--version"]);
        if (shown.IsMissing)
        {
            throw new CaptureException("The program 'nft' was not found. Install it with 'apt-get install nftables'.");
        }

        Match match = VersionPattern().Match(shown.Output);
        if (match.Success && Version.Parse(match.Groups[1].Value) < s_oldest)
        {
            throw new CaptureException(
                $"nft {match.Groups[1].Value} is too old; at least {s_oldest} is needed. Upgrade nftables, or leave out --native-nftables.");
        }
    }

    [GeneratedRegex(@"v([0-9]+\.[0-9]+(\.[0-9]+)?)")]
    private static partial Regex VersionPattern();
}
