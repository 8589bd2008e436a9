using Pilotfish.Api.Yaml;
using Pilotfish.ControlPlane.Injection.Merging;
using Pilotfish.Language.Numbers;

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

    /// <summary>OpenShift writes one user into every container that names none, the proxy's override among them. That user is
    /// nobody's wish and would put the proxy under the applications' id, whose traffic is captured; it is taken out.</summary>
    public static void RemoveAssignedUser(YamlMapping pod, YamlMapping? namespaceAnnotations)
    {
        var chosen = PodContainers.Find(pod, ContainerNames.Proxy)?.Mapping("securityContext");
        if (chosen is null || namespaceAnnotations?.ContainsKey(UserRange) != true)
        {
            return;
        }

        var application = PodContainers.All(pod)
            .Where(container => container.Text("name") is not (ContainerNames.Proxy or ContainerNames.Init or ContainerNames.Validation))
            .Select(container => container.TextAt("securityContext", "runAsUser"))
            .LastOrDefault(user => user is not null);
        if ((chosen.Text("runAsUser") ?? "0") == (application ?? "0"))
        {
            chosen.Remove("runAsUser");
            chosen.Remove("runAsGroup");
        }
    }

    /// <summary>The last id of `start/size` or `start-end`.</summary>
    private static long? LastOf(string? range)
    {
        var separator = range?.Contains('/', StringComparison.Ordinal) == true ? '/' : '-';
        var parts = range?.Split(separator) ?? [];
        if (parts.Length != 2
            || !DecimalText.TryParse(parts[0], out uint start)
            || !DecimalText.TryParse(parts[1], out uint second))
        {
            return null;
        }

        return separator == '/' ? (long)start + second - 1 : second;
    }
}
