-- `page`: what stands for the exporter in addresses of pages
select *, regexp_replace(exporter, '[^A-Za-z0-9._:-]', '-', 'g') as page
from exporters
