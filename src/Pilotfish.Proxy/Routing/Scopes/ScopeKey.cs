using System.Buffers.Binary;
using System.Text;
using Envoy.Config.Route.V3;
using Pilotfish.Proxy.Config;

namespace Pilotfish.Proxy.Routing.Scopes;

/// <summary>A scope's key: its fragments in order, each behind its length, so that no two lists of fragments read alike.</summary>
internal static class ScopeKey
{
    /// <summary>
    /// A configured key is shorter, so a request with a longer one matches nothing and is not put together; it also fits a stack.
    /// </summary>
    public const int BytesMax = 1024;

    private const int LengthBytes = 4;

    /// <summary>False when there is no room.</summary>
    public static bool TryAppend(Span<byte> key, ref int at, ReadOnlySpan<byte> fragment)
    {
        if (fragment.Length > key.Length - at - LengthBytes)
        {
            return false;
        }

        BinaryPrimitives.WriteInt32LittleEndian(key[at..], fragment.Length);
        fragment.CopyTo(key[(at + LengthBytes)..]);
        at += LengthBytes + fragment.Length;
        return true;
    }

    public static ByteKey Compile(ScopedRouteConfiguration.Types.Key? key, string field)
    {
        if (key is null || key.Fragments.Count == 0)
        {
            throw new ConfigRejectedException($"{field}.fragments", "the scope has no key fragment");
        }

        byte[] bytes = new byte[BytesMax];
        int at = 0;
        for (int i = 0; i < key.Fragments.Count; i++)
        {
            ScopedRouteConfiguration.Types.Key.Types.Fragment fragment = key.Fragments[i];
            if (fragment.TypeCase != ScopedRouteConfiguration.Types.Key.Types.Fragment.TypeOneofCase.StringKey)
            {
                throw new ConfigRejectedException($"{field}.fragments[{i}]", "string_key is not set");
            }

            if (!TryAppend(bytes, ref at, Encoding.UTF8.GetBytes(fragment.StringKey)))
            {
                throw new ConfigRejectedException($"{field}.fragments[{i}]", $"the key is longer than {BytesMax} bytes");
            }
        }

        return new ByteKey(bytes[..at]);
    }
}
