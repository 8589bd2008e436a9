using System.Text.RegularExpressions;
using Pilotfish.Api.Yaml;
using Pilotfish.ControlPlane.Injection.Merging;

namespace Pilotfish.ControlPlane.Injection.Configuration;

/// <summary>Whether what an operator wrote is an installation at all. A misspelt setting would have no effect, and nobody would see why.</summary>
internal static partial class InstallationCheck
{
    private static readonly string[] s_settings =
    [
        "values", "components", "meshConfig", "hub", "tag", "revision", "profile", "namespace", "unvalidatedValues", "installPackagePath",
        "compatibilityVersion", "defaultRevision", "addonComponents", "resourceSuffix",
    ];

    private static readonly string[] s_components = ["base", "pilot", "cni", "ztunnel", "ingressGateways", "egressGateways", "istiodRemote"];

    /// <param name="spec">The `spec` of an IstioOperator with all assignments in it.</param>
    /// <exception cref="InjectionException">Names the setting that is wrong.</exception>
    public static void Check(YamlMapping spec)
    {
        DemandKnown(spec, "", s_settings);
        foreach (var key in new[] { "values", "components", "meshConfig", "unvalidatedValues" })
        {
            if (spec[key] is { IsNull: false } node and not YamlMapping)
            {
                throw new InjectionException($"'{key}': expected a mapping, found {node.KindName}.");
            }
        }

        if (spec.Mapping("values") is { } values && ValuesCheck.Unknown(values).FirstOrDefault() is { } unknown)
        {
            throw new InjectionException($"{unknown} Values that only templates of your own read stand below 'unvalidatedValues'.");
        }

        DemandKnown(spec.Mapping("components"), "components.", s_components);
        if (spec.At("components", "cni", "enabled") is { IsNull: false } cni
            && !(cni is YamlScalar scalar && scalar.TryGetBoolean(out _)))
        {
            throw new InjectionException($"'components.cni.enabled': expected true or false, found {Found(cni)}.");
        }
    }

    /// <param name="values">The values of the whole installation.</param>
    /// <exception cref="InjectionException">A value cannot be used in any pod.</exception>
    public static void CheckValues(YamlMapping values)
    {
        CheckRevision(values.Text("revision") ?? "");
        if (values.At("global", "proxy", "statusPort") is YamlScalar { IsNull: false } port
            && !ushort.TryParse(port.Text, System.Globalization.CultureInfo.InvariantCulture, out _))
        {
            throw new InjectionException($"'values.global.proxy.statusPort': {Found(port)} is no port from 0 to 65535.");
        }
    }

    private static void CheckRevision(string revision)
    {
        if (revision.Length > 0 && !Revision().IsMatch(revision))
        {
            throw new InjectionException(
                $"the revision '{ShownText.Of(revision)}' is no name of a control plane: small letters, digits and '-' make one, 63 at most.");
        }
    }

    private static void DemandKnown(YamlMapping? node, string prefix, string[] known)
    {
        if (node?.Entries.Select(entry => entry.Key).FirstOrDefault(key => !known.Contains(key)) is { } unknown)
        {
            throw new InjectionException($"'{prefix}{ShownText.Of(unknown)}' is no setting of an installation; there are {string.Join(", ", known)}.");
        }
    }

    private static string Found(YamlNode node) => node is YamlScalar scalar ? $"'{ShownText.Of(scalar.Text)}'" : node.KindName;

    [GeneratedRegex(@"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\z")]
    private static partial Regex Revision();
}
