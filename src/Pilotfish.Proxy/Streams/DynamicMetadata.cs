namespace Pilotfish.Proxy.Streams;

/// <summary>Metadata by namespace: what filters learned about a stream, or what config says about a route, cluster or host.</summary>
public sealed class DynamicMetadata
{
    private readonly Dictionary<string, MetadataValue> _namespaces = new(StringComparer.Ordinal);

    public IReadOnlyDictionary<string, MetadataValue> Namespaces => _namespaces;

    /// <summary>The namespaces as the type whose walk allocates nothing; only to be read.</summary>
    internal Dictionary<string, MetadataValue> Entries => _namespaces;

    public MetadataValue? Get(string name) => _namespaces.GetValueOrDefault(name);

    /// <summary>A namespace by its UTF-8 name, without allocating.</summary>
    internal MetadataValue? Find(ReadOnlySpan<byte> utf8Name)
    {
        foreach (KeyValuePair<string, MetadataValue> entry in _namespaces)
        {
            if (AccessLogs.Expressions.TextEquality.Equals(utf8Name, entry.Key))
            {
                return entry.Value;
            }
        }

        return null;
    }

    /// <summary>Follows a path of keys below a namespace; null where it leads nowhere.</summary>
    public MetadataValue? Get(string name, ReadOnlySpan<string> path)
    {
        MetadataValue? value = Get(name);
        foreach (string key in path)
        {
            value = value?.Field(key);
        }

        return value;
    }

    /// <summary>Merges fields into a namespace: a later value of the same key replaces the earlier one.</summary>
    public void Set(string name, MetadataValue fields)
    {
        if (_namespaces.TryGetValue(name, out MetadataValue? before) && before.Kind == MetadataKind.Struct
            && fields.Kind == MetadataKind.Struct)
        {
            var merged = new Dictionary<string, MetadataValue>(StringComparer.Ordinal);
            foreach ((string key, MetadataValue value) in before.Fields)
            {
                merged[key] = value;
            }

            foreach ((string key, MetadataValue value) in fields.Fields)
            {
                merged[key] = value;
            }

            fields = MetadataValue.Of(merged);
        }

        _namespaces[name] = fields;
    }

    public void Clear() => _namespaces.Clear();
}
