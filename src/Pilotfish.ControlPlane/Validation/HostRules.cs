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

    /// <summary>A label's key, with or without a domain before it.</summary>
    public static bool IsLabelKey(string key) => key.Length is > 0 and <= 317 && LabelKey().IsMatch(key);

    public static bool IsLabelValue(string value) => value.Length <= 63 && LabelValue().IsMatch(value);

    [GeneratedRegex(@"^([a-zA-Z0-9]([-a-zA-Z0-9.]*[a-zA-Z0-9])?/)?[a-zA-Z0-9]([-a-zA-Z0-9_.]*[a-zA-Z0-9])?\z")]
    private static partial Regex LabelKey();

    [GeneratedRegex(@"^([a-zA-Z0-9]([-a-zA-Z0-9_.]*[a-zA-Z0-9])?)?\z")]
    private static partial Regex LabelValue();

    [GeneratedRegex(@"^(\*|\*?[a-zA-Z0-9]([-a-zA-Z0-9_]*[a-zA-Z0-9])?)(\.[a-zA-Z0-9_]([-a-zA-Z0-9_]*[a-zA-Z0-9])?)*\.?\z")]
    private static partial Regex WildcardHost();

    [GeneratedRegex(@"^[a-zA-Z0-9]([-a-zA-Z0-9_]*[a-zA-Z0-9])?(\.[a-zA-Z0-9_]([-a-zA-Z0-9_]*[a-zA-Z0-9])?)*\.?\z")]
    private static partial Regex PlainHost();

    [GeneratedRegex(@"^[a-zA-Z0-9]([-a-zA-Z0-9]*[a-zA-Z0-9])?\z")]
    private static partial Regex DnsLabel();
}
