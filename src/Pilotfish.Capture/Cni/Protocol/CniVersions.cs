namespace Pilotfish.Capture.Cni.Protocol;

/// <summary>Versions of the CNI specification that the plugin speaks, and which command came with which.</summary>
internal static class CniVersions
{
    public const string Latest = "1.1.0";

    private static readonly string[] s_supported = ["0.3.1", "0.4.0", "1.0.0", Latest];

    public static IReadOnlyList<string> Supported => s_supported;

    /// <exception cref="CniException">Neither the version nor, in that version, the command exists.</exception>
    public static void Demand(string version, CniVerb verb)
    {
        int at = Array.IndexOf(s_supported, version);
        if (at < 0)
        {
            string shown = version.Length == 0 ? "no cniVersion" : $"cniVersion '{CniText.Printable(version)}'";
            throw new CniException(
                CniErrorCode.IncompatibleVersion,
                $"The network configuration has {shown}; supported are {string.Join(", ", s_supported)}.");
        }

        string since = verb switch
        {
            CniVerb.Check => "0.4.0",
            CniVerb.Status or CniVerb.Gc => "1.1.0",
            _ => s_supported[0],
        };
        if (at < Array.IndexOf(s_supported, since))
        {
            throw new CniException(
                CniErrorCode.IncompatibleVersion,
                $"{CniText.NameOf(verb)} exists since CNI {since}; the network configuration has cniVersion '{version}'.");
        }
    }
}
