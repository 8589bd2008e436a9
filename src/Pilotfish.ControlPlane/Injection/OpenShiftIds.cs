using System.Globalization;
using Pilotfish.Api.Yaml;

namespace Pilotfish.ControlPlane.Injection;

/// <summary>The user and group of the proxy. OpenShift gives every namespace a range of ids in annotations, and the proxy
/// takes the last ones, which applications do not get.</summary>
internal readonly record struct OpenShiftIds(long User, long Group)
{
    private const string UserRange = "openshift.io/sa.scc.uid-range";
    private const string GroupRange = "openshift.io/sa.scc.supplemental-groups";

    public static OpenShiftIds Default { get; } = new(1337, 1337);

    public static OpenShiftIds Of(YamlMapping? namespaceAnnotations)
    {
        var users = namespaceAnnotations?.Text(UserRange);
        var groups = namespaceAnnotations?.Text(GroupRange) ?? users;
        return new OpenShiftIds(
            LastOf(users) ?? Default.User,
            LastOf(groups?.Split(',')[0]) ?? Default.Group);
    }

    /// <summary>The last id of `start/size` or `start-end`.</summary>
    private static long? LastOf(string? range)
    {
        var separator = range?.Contains('/', StringComparison.Ordinal) == true ? '/' : '-';
        var parts = range?.Split(separator) ?? [];
        if (parts.Length != 2
            || !uint.TryParse(parts[0], NumberStyles.None, CultureInfo.InvariantCulture, out var start)
            || !uint.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out var second))
        {
            return null;
        }

        return separator == '/' ? (long)start + second - 1 : second;
    }
}
