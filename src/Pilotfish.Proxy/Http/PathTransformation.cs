using Pilotfish.Proxy.Config;
using Message = Envoy.Type.Http.V3.PathTransformation;

namespace Pilotfish.Proxy.Http;

/// <summary>A sequence of operations on paths (envoy.type.http.v3.PathTransformation), carried out in their order. Immutable.</summary>
public sealed class PathTransformation
{
    // More than anybody needs, as two operations exist and each settles with its first run.
    private const int OperationsMax = 16;

    /// <summary>What counts where path_normalization_options names no forwarding_transformation.</summary>
    public static readonly PathTransformation Rfc3986 = new([false]);

    // True merges slashes, false normalises.
    private readonly bool[] _merges;

    private PathTransformation(bool[] merges) => _merges = merges;

    /// <summary>Null when there is nothing to do.</summary>
    /// <exception cref="ConfigRejectedException">An operation says nothing, or there are too many.</exception>
    public static PathTransformation? Compile(Message? config, string field)
    {
        if (config is null || config.Operations.Count == 0)
        {
            return null;
        }

        if (config.Operations.Count > OperationsMax)
        {
            throw new ConfigRejectedException(field + ".operations", $"{config.Operations.Count} operations are more than {OperationsMax}");
        }

        bool[] merges = new bool[config.Operations.Count];
        for (int i = 0; i < merges.Length; i++)
        {
            merges[i] = config.Operations[i].OperationSpecifierCase switch
            {
                Message.Types.Operation.OperationSpecifierOneofCase.NormalizePathRfc3986 => false,
                Message.Types.Operation.OperationSpecifierOneofCase.MergeSlashes => true,
                _ => throw new ConfigRejectedException(
                    $"{field}.operations[{i}]", "neither normalize_path_rfc_3986 nor merge_slashes is set"),
            };
        }

        return new PathTransformation(merges);
    }

    /// <summary>The path with its query as it is after all operations; null when it is malformed. Allocates.</summary>
    public byte[]? Apply(ReadOnlySpan<byte> path)
    {
        int query = path.IndexOf((byte)'?');
        byte[]? only = (query < 0 ? path : path[..query]).ToArray();
        foreach (bool merges in _merges)
        {
            only = merges ? PathNormalizer.MergeSlashes(only) : PathNormalizer.Normalize(only);
            if (only is null)
            {
                return null;
            }
        }

        return [.. only, .. query < 0 ? default : path[query..]];
    }
}
