using System.Security.Cryptography;

namespace Pilotfish.Agent.Identity.Workload;

/// <summary>Puts roots of several sources together: each once, in an order that does not depend on theirs, as Istio's agent does.</summary>
internal static class TrustBundle
{
    private const string Label = "CERTIFICATE";

    /// <summary>The certificates of all texts. Whatever else is in them is left out.</summary>
    public static string Merge(params ReadOnlySpan<string> texts)
    {
        var certificates = new SortedSet<string>(StringComparer.Ordinal);
        foreach (string text in texts)
        {
            ReadOnlySpan<char> rest = text;
            while (PemEncoding.TryFind(rest, out PemFields fields))
            {
                if (rest[fields.Label].SequenceEqual(Label))
                {
                    certificates.Add(rest[fields.Location].ToString());
                }

                rest = rest[fields.Location.End..];
            }
        }

        return certificates.Count == 0 ? "" : string.Join('\n', certificates) + "\n";
    }
}
