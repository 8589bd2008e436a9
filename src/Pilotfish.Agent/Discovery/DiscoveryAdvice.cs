namespace Pilotfish.Agent.Discovery;

/// <summary>
/// What to do about a server's certificate that was refused: the transport's reason, which is Envoy's, names neither file nor setting.
/// </summary>
internal static class DiscoveryAdvice
{
    private const string Refused = "CERTIFICATE_VERIFY_FAILED";
    private const string NamesBegin = "certificate SANs are [";

    /// <summary>Null when the failure is no refused certificate.</summary>
    public static string? Of(string transportFailure, DiscoveryTarget target)
    {
        if (!transportFailure.Contains(Refused, StringComparison.Ordinal))
        {
            return null;
        }

        // Time first: an expired certificate is usually also the reason for everything else that is wrong with it.
        if (transportFailure.Contains("has expired", StringComparison.Ordinal) || transportFailure.Contains("not yet valid", StringComparison.Ordinal))
        {
            return "its certificate or one above it is not valid at this time; renew it, or set this machine's clock right.";
        }

        return Names(transportFailure) is { } names
            ? $"its certificate is for {names}, not for '{target.ServerName}'. Dial it by one of its names, or {target.NameSetting}."
            : $"its certificate does not chain to a root in '{target.RootFile}'. Mount the root that signed it, or name its file with {target.RootSetting}.";
    }

    // Null when names were not the reason.
    private static string? Names(string transportFailure)
    {
        int begin = transportFailure.IndexOf(NamesBegin, StringComparison.Ordinal);
        if (begin < 0)
        {
            return null;
        }

        ReadOnlySpan<char> rest = transportFailure.AsSpan(begin + NamesBegin.Length);
        int end = rest.IndexOf(']');
        return end <= 0 ? "no name" : $"'{rest[..end].ToString().Replace(", ", "', '", StringComparison.Ordinal)}'";
    }
}
