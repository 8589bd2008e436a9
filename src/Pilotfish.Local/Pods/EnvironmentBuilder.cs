using System.Text;
using Pilotfish.Local.Manifests;

namespace Pilotfish.Local.Pods;

/// <summary>Gives every variable of a container its value and expands $(NAME) in values, commands and arguments.</summary>
internal sealed class EnvironmentBuilder(ManifestSet manifests, PodSpec pod, PodFields fields)
{
    /// <summary>What images usually set and many programs cannot start without.</summary>
    private static readonly KeyValuePair<string, string>[] s_defaults =
    [
        new("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"),
    ];

    public IReadOnlyDictionary<string, string> Build(ContainerSpec container, IEnumerable<KeyValuePair<string, string>> machine)
    {
        var variables = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach ((string name, string value) in s_defaults.Concat(machine).Append(new("HOSTNAME", pod.Hostname)))
        {
            variables[name] = value;
        }

        foreach (EnvironmentEntry entry in container.Environment)
        {
            Add(entry, container, variables);
        }

        return variables;
    }

    /// <summary>$(NAME) becomes the value, $$(NAME) stays $(NAME), an unknown one stays as it is.</summary>
    public static string Expand(string text, IReadOnlyDictionary<string, string> variables)
    {
        var expanded = new StringBuilder(text.Length);
        for (int at = 0; at < text.Length; at++)
        {
            if (text[at] != '$' || at + 1 >= text.Length)
            {
                expanded.Append(text[at]);
                continue;
            }

            int close = text[at + 1] == '(' ? text.IndexOf(')', at) : -1;
            if (text[at + 1] == '$')
            {
                expanded.Append('$');
                at++;
            }
            else if (close > 0 && variables.TryGetValue(text[(at + 2)..close], out string? value))
            {
                expanded.Append(value);
                at = close;
            }
            else
            {
                expanded.Append('$');
            }
        }

        return expanded.ToString();
    }

    private void Add(EnvironmentEntry entry, ContainerSpec container, Dictionary<string, string> variables)
    {
        if ((entry.AllOfConfigMap ?? entry.AllOfSecret) is { } whole)
        {
            foreach ((string key, byte[] bytes) in Keys(entry, whole, entry.AllOfSecret is not null))
            {
                variables[whole.Key + key] = Encoding.UTF8.GetString(bytes);
            }

            return;
        }

        string? value = entry switch
        {
            { Value: { } text } => Expand(text, variables),
            { FieldPath: { } path } => fields.Field(path)
                ?? throw new ManifestException(entry.Position, $"Variable '{entry.Name}': there is no field '{path}'."),
            { Resource: { } resource } => fields.Resource(resource, container),
            _ => Key(entry),
        };
        if (value is not null)
        {
            variables[entry.Name] = value;
        }
    }

    private string? Key(EnvironmentEntry entry)
    {
        bool isSecret = entry.SecretKey is not null;
        KeyReference reference = (entry.SecretKey ?? entry.ConfigMapKey)!;
        if (Keys(entry, reference, isSecret).TryGetValue(reference.Key, out byte[]? bytes))
        {
            return Encoding.UTF8.GetString(bytes);
        }

        return reference.IsOptional
            ? null
            : throw new ManifestException(entry.Position, $"Variable '{entry.Name}': '{reference.Object}' has no key '{reference.Key}'.");
    }

    private IReadOnlyDictionary<string, byte[]> Keys(EnvironmentEntry entry, KeyReference reference, bool isSecret) =>
        ObjectKeys.Of(manifests, new ObjectName(pod.Name.Namespace, reference.Object), isSecret)
        ?? (reference.IsOptional
            ? new Dictionary<string, byte[]>()
            : throw new ManifestException(
                entry.Position, $"There is no {(isSecret ? "Secret" : "ConfigMap")} '{pod.Name.Namespace}/{reference.Object}'."));
}
