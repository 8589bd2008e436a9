namespace Pilotfish.Capture.Iptables;

/// <summary>Turns what iptables prints into a sentence that names the cause and what to do.</summary>
internal static class IptablesFaults
{
    public const string InstallCommand = "apt-get install iptables";

    public static CaptureException Unusable(string name, string detail)
    {
        if (detail.Contains("no such program", StringComparison.Ordinal))
        {
            return new CaptureException(
                $"Neither '{name}' nor another flavour of it was found on PATH. Install it with '{InstallCommand}'.");
        }

        return new CaptureException($"'{name}' cannot be used: {Explain(detail)}");
    }

    public static CaptureException Failed(string command, string detail) =>
        new($"'{command}' failed: {Explain(detail)}");

    private static string Explain(string detail)
    {
        string hint = Hint(detail);
        string text = detail.Trim().ReplaceLineEndings(" ");
        return hint.Length == 0 ? text : $"{hint} (it said: {text})";
    }

    private static string Hint(string detail)
    {
        bool Says(string text) => detail.Contains(text, StringComparison.OrdinalIgnoreCase);
        if (Says("xtables lock") && !Says("Read-only") && !Says("can't open lock file"))
        {
            return $"another program held the xtables lock for {IptablesTool.LockWaitSeconds} seconds; find it with "
                + "'fuser /run/xtables.lock' and try again";
        }

        if (Says("Read-only file system") || Says("can't open lock file"))
        {
            return "the lock file /run/xtables.lock cannot be written because the file system is read-only; mount an "
                + "emptyDir at /run, or use the nf_tables flavour with --force-iptables-binary=nft";
        }

        if (Says("you must be root") || Says("Permission denied") || Says("Operation not permitted"))
        {
            return "it needs root with the capabilities NET_ADMIN and NET_RAW; set runAsUser: 0 and add both to the "
                + "container's securityContext, or use the CNI plugin";
        }

        if (Says("Table does not exist") || Says("can't initialize iptables table") || Says("Could not fetch rule set")
            || Says("No chain/target/match by that name") || Says("missing kernel module"))
        {
            return "the kernel lacks a module that the rules need; on the node run "
                + "'modprobe -a iptable_nat ip6table_nat xt_REDIRECT xt_owner xt_conntrack xt_multiport nf_conntrack'";
        }

        return string.Empty;
    }
}
