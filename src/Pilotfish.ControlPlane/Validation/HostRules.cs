using System.Net;
using System.Text.RegularExpressions;

namespace Pilotfish.ControlPlane.Validation;

/// <summary>Names of hosts, subsets and labels.</summary>
internal static partial class HostRules
{
    private const int HostLengthMax = 255;

    /// <summary>A DNS name whose first label may be or begin with a star; `*` alone counts.</summary>
    public static bool IsWildcardHost(string host) =>
        host == "*" || (host.Length is > 0 and <= HostLengthMax && WildcardHost().IsMatch(host));

    public static bool IsHost(string host) => host.Length is > 0 and <= HostLengthMax && PlainHost().IsMatch(host);

    public static bool IsAddress(string host) =>
        IPAddress.TryParse(host, out _) && (host.Contains(':', StringComparison.Ordinal) || host.Count(c => c == '.') == 3);

    public static bool IsLabel(string name) => name.Length is > 0 and <= 63 && DnsLabel().IsMatch(name);

    [GeneratedRegex(@"^(\*|\*?[a-zA-Z0-9]([-a-zA-Z0-9_]*[a-zA-Z0-9])?)(\.[a-zA-Z0-9_]([-a-zA-Z0-9_]*[a-zA-Z0-9])?)*\.?\z")]
    private static partial Regex WildcardHost();

    [GeneratedRegex(@"^[a-zA-Z0-9]([-a-zA-Z0-9_]*[a-zA-Z0-9])?(\.[a-zA-Z0-9_]([-a-zA-Z0-9_]*[a-zA-Z0-9])?)*\.?\z")]
    private static partial Regex PlainHost();

    [GeneratedRegex(@"^[a-zA-Z0-9]([-a-zA-Z0-9_.]*[a-zA-Z0-9])?\z")]
    private static partial Regex DnsLabel();
}
