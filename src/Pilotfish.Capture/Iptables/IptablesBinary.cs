namespace Pilotfish.Capture.Iptables;

/// <summary>A usable iptables or ip6tables: its name, version and kernel interface.</summary>
internal sealed record IptablesBinary(string Name, Version Version, bool IsNft)
{
    /// <summary>The first version whose iptables-restore takes the xtables lock and so can wait for it.</summary>
    private static readonly Version s_restoreLocking = new(1, 6, 2);

    public string SaveName => Name + "-save";

    public string RestoreName => Name + "-restore";

    /// <summary>nf_tables needs no lock: the kernel's transactions are atomic.</summary>
    public bool NeedsLock => !IsNft && Version >= s_restoreLocking;
}
