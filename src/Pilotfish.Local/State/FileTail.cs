using System.Text;

namespace Pilotfish.Local.State;

/// <summary>The end of a file that grows.</summary>
internal static class FileTail
{
    /// <summary>At most so many bytes as text; empty where there is no file.</summary>
    public static string Read(string path, int bytesMax)
    {
        try
        {
            using FileStream file = new(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
            file.Seek(-Math.Min(file.Length, bytesMax), SeekOrigin.End);
            byte[] buffer = new byte[bytesMax];
            return Encoding.UTF8.GetString(buffer, 0, file.ReadAtLeast(buffer, bytesMax, throwOnEndOfStream: false));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Not written yet, or gone with its pod.
            return "";
        }
    }
}
