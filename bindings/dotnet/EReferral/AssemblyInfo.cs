using System.Runtime.CompilerServices;

[assembly: InternalsVisibleTo("EReferral.Tests")]
