using System.Runtime.InteropServices;

namespace Pilotfish.Runtime.Interop;

/// <summary>Static strings of the library, each turned into a managed one once. Any thread.</summary>
internal static class SslNames
{
    // Written as a whole: a name that two threads add at once is made twice, which harms nobody. The library has some sixty.
    private static volatile KeyValuePair<nint, string>[] s_known = [];

    internal static string Of(nint text)
    {
        KeyValuePair<nint, string>[] known = s_known;
        foreach ((nint address, string name) in known)
        {
            if (address == text)
            {
                return name;
            }
        }

        string made = Marshal.PtrToStringUTF8(text) ?? "";
        s_known = [.. known, new(text, made)];
        return made;
    }
}
