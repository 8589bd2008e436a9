using Pilotfish.Capture.Command;
using Pilotfish.Capture.Cni.Pods;

namespace Pilotfish.Capture.Cni;

/// <summary>What the plugin touches outside of itself; tests give their own.</summary>
internal sealed record CniSurroundings
{
    /// <summary>Gets the run directory's kubeconfig.</summary>
    public required Func<string, IPodSource> OpenPods { get; init; }

    /// <summary>Sets the rules of one pod.</summary>
    public required Action<IptablesOptions> Apply { get; init; }

    /// <summary>Whether a program (iptables, nft, ip) can be started here.</summary>
    public required Func<string, bool> HasProgram { get; init; }

    public required Action<TimeSpan> Wait { get; init; }

    public required TextWriter Log { get; init; }
}
