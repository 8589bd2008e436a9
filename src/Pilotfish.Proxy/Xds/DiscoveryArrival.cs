namespace Pilotfish.Proxy.Xds;

/// <summary>What is kept of one response of either dialect once it arrived whole: its few words, and its resources packed.</summary>
internal sealed class DiscoveryArrival
{
    public string TypeUrl { get; set; } = "";

    public string Nonce { get; set; } = "";

    /// <summary>version_info or system_version_info.</summary>
    public string Version { get; set; } = "";

    public List<DiscoveryItem> Items { get; } = [];

    /// <summary>Delta: names of what no longer exists.</summary>
    public List<string> Removed { get; } = [];

    /// <summary>Everything that the response says a word about: names and aliases of its resources, with or without content, and what it removes.</summary>
    public List<string> Named()
    {
        List<string> named = [.. Removed];
        foreach (DiscoveryItem item in Items)
        {
            named.Add(item.Name);
            named.AddRange(item.Aliases ?? []);
        }

        return named;
    }

    /// <summary>
    /// The resources of the response's own type; each that is of another, or that cannot be read, is refused by its name or its place.
    /// </summary>
    public List<ArrivedResource> Take(ResourceType type, List<RejectedResource> rejected)
    {
        List<ArrivedResource> taken = new(Items.Count);
        for (int i = 0; i < Items.Count; i++)
        {
            DiscoveryItem item = Items[i];
            string name = item.Name.Length > 0 ? item.Name : $"#{i}";
            if (item.Problem is { } problem)
            {
                rejected.Add(new RejectedResource(name, $"the bytes are not a valid message: {problem}"));
            }
            else if (item.Message is { } message)
            {
                if (item.TypeUrl == type.TypeUrl)
                {
                    taken.Add(new ArrivedResource(item.Name, message, item.Version ?? Version) { Aliases = item.Aliases });
                }
                else
                {
                    rejected.Add(new RejectedResource(name, $"its type is '{item.TypeUrl}' in a response of another type"));
                }
            }
        }

        return taken;
    }
}
